A stolen password: one message for each recipient, as fast as it goes (A1).

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
thief sends 900 messages: 60 a minute, 1 recipient each, 100% new, 25% refused, from 198.51.100.9

expect blocked
expect escaped in the median at most 15
expect escaped at most 80
