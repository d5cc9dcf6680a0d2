The school writes to 900 parents, a fifth of them new, from the office and from home (L8).

owner for 40 days: 10 a day, 5 recipients each, 10% new, 2% refused, from 192.0.2.7
owner sends 20 messages: 2 a minute, 25 recipients each, 100% new, 4% refused, from 192.0.2.7
30 days pass
owner sends 40 messages: 2 a minute, 25 recipients each, 20% new, 4% refused, from 192.0.2.7

expect never blocked
expect everything delivered within 12 hours
