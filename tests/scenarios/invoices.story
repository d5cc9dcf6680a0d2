Invoices at the end of the month: 400 customers within minutes, most of them known (L3).

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner sends 400 messages: 120 a minute, 1 recipient each, 15% new, 2% refused, from 192.0.2.7
30 days pass
owner sends 400 messages: 120 a minute, 1 recipient each, 15% new, 2% refused, from 192.0.2.7

expect never blocked
expect everything delivered within 4 hours
