A shop's weekly newsletter to a list that grew over the years; the list is new to us in the first week (L1).

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner sends 600 messages: 60 a minute, 1 recipient each, 100% new, 1.5% refused, from 192.0.2.7
6 days pass
owner sends 600 messages: 60 a minute, 1 recipient each, 3% new, 1.5% refused, from 192.0.2.7
6 days pass
owner sends 600 messages: 60 a minute, 1 recipient each, 3% new, 1.5% refused, from 192.0.2.7

expect never blocked
expect everything delivered within 12 hours
