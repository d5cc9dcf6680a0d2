A web shop of which the operator says on its first day that it is an application: its order mail does not wait (L9).

the operator says application
owner for 10 days: 150 a day, 1 recipient each, 85% new, 3% refused, from 4 networks

expect never blocked
expect never held
expect everything delivered within 4 hours
