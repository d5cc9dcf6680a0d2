The next hop is down for hours: everything comes again and again, and is not new mail.

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner sends 8 messages: 30 a minute, 2 recipients each, 10% new, from 192.0.2.7, deferred 12 times
owner for 5 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7

expect never blocked
expect score at most 4
expect everything delivered
