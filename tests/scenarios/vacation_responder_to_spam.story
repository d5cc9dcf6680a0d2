The mailbox answers mostly spam: half of the answers go to addresses that do not exist (L4, the worst case).

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
owner for 14 days: 40 a day, 1 recipient each, 95% new, 50% refused, automatic

expect never blocked
