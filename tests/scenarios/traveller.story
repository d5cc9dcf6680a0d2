A week abroad with a new telephone: hotels, trains, cafes (L10).

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner for 2 days: 10 a day, 1 recipient each, 10% new, 1% refused, from 198.51.100.9
owner for 2 days: 12 a day, 1 recipient each, 10% new, 1% refused, from 6 networks
owner sends 12 messages: 12 a hour, 1 recipient each, 10% new, 1% refused, from 6 networks
owner for 2 days: 15 a day, 1 recipient each, 10% new, 1% refused, from 2001:db8:77::9
owner for 10 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7

expect never blocked
expect score at most 10
expect everything delivered within 1 hours
