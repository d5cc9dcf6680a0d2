A stolen password, used from hundreds of networks at a pace below the usual limits (A3).

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
thief sends 900 messages: 100 a hour, 1 recipient each, 100% new, 25% refused, from 342 networks

expect blocked
expect escaped at most 25
