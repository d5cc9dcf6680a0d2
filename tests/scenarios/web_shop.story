A web shop from its first day: orders and password resets to strangers around the clock (L9).

owner for 30 days: 200 a day, 1 recipient each, 85% new, 3% refused, from 192.0.2.7

expect never blocked
expect everything delivered within 4 hours
