After weeks in which the account wrote a few letters, the shop opens: the operator said what it is going to be (L9).

the operator says application
owner for 25 days: 4 a day, 1 recipient each, 10% new, 1% refused, from 192.0.2.7
owner for 14 days: 150 a day, 1 recipient each, 85% new, 3% refused, from 192.0.2.7

expect never blocked
expect never held
expect everything delivered within 4 hours
