"I have moved", written on the new line: bulk, a new network, and an old address book. A known limit: about two in ten such
accounts are blocked (2 of 10 tellings), because three kinds of evidence speak at once; they must not speak louder than this.

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner sends 4 messages: 20 a hour, 80 recipients each, 50% new, 8% refused, from 198.51.100.9

expect score at most 13
