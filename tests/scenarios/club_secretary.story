The club's secretary writes to 300 members in blind copy for the first time, and a month later again (L2).

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner sends 6 messages: 2 a minute, 50 recipients each, 100% new, 3% refused, from 192.0.2.7
owner for 30 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner sends 6 messages: 2 a minute, 50 recipients each, 2% new, 1% refused, from 192.0.2.7

expect never blocked
expect everything delivered within 6 hours
