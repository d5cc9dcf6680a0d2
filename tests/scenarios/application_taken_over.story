The password of a web shop's mail account is stolen: that it is an application does not save the thief.

the operator says application
owner for 40 days: 100 a day, 1 recipient each, 80% new, 1% refused, from 192.0.2.7
thief sends 3000 messages: 60 a minute, 1 recipient each, 100% new, 25% refused, from 50 networks

expect blocked
expect escaped at most 150
