Two weeks of holidays: the mailbox answers everybody, also spam with forged senders (L4).

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner for 14 days: 25 a day, 1 recipient each, 80% new, 5% refused, automatic

expect never blocked
expect everything delivered within 1 hours
