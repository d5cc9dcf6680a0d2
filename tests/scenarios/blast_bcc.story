A stolen password: a hundred blind copies a message (A2).

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
thief sends 300 messages: 10 a minute, 100 recipients each, 100% new, 25% refused, from 198.51.100.9

expect blocked
expect escaped in the median at most 25
expect escaped at most 50
