After weeks in which the account wrote a few letters, a shop opens and nobody knows: some of it waits, until weeks have shown what it is.

owner for 25 days: 4 a day, 1 recipient each, 10% new, 1% refused, from 192.0.2.7
owner for 25 days: 150 a day, 1 recipient each, 85% new, 3% refused, from 192.0.2.7

expect never blocked
expect held
expect becomes application
