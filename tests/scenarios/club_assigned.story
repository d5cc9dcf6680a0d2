A club of which the operator says so: the first letter to 300 members, and the next ones, are what clubs do (L2).

the operator says organisation
owner for 14 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner sends 6 messages: 2 a minute, 50 recipients each, 100% new, 3% refused, from 192.0.2.7
owner for 30 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner sends 300 messages: 60 a minute, 1 recipient each, 10% new, 2% refused, from 192.0.2.7

expect never blocked
expect never held
expect everything delivered within 6 hours
