A thief who writes to the owner's contacts only, from the owner's network: behaviour alone cannot show it.

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
thief sends 30 messages: 2 a minute, 1 recipient each, from 192.0.2.7

expect never blocked
expect score at most 3
