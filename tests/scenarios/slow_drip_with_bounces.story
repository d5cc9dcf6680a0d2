A stolen password: twenty messages an hour to a bad list, in the hope to stay below every limit (A5).

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
thief sends 500 messages: 20 a hour, 1 recipient each, 100% new, 25% refused, from 198.51.100.9

expect blocked
expect escaped in the median at most 45
expect escaped at most 200
