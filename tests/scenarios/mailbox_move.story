"I have moved": four messages of eighty recipients from an old address book (L11).

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner sends 4 messages: 20 a hour, 80 recipients each, 50% new, 8% refused, from 192.0.2.7

expect never blocked
expect score at most 10
expect everything delivered within 2 days
