The same traffic as that of the web shop, from an account of a person: it looks suspicious.

the operator says person
owner for 10 days: 150 a day, 1 recipient each, 85% new, 3% refused, from 4 networks

expect never blocked
