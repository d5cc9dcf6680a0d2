A stolen password: the thief declares his mail as automatic. Nothing but the window holds him yet: thirty recipients an hour.

owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
thief sends 300 messages: 60 a minute, 1 recipient each, 100% new, 30% refused, from 198.51.100.9, automatic

expect escaped at most 300
