A fresh account that is opened quietly and starts to blast after six days (A12).

owner for 6 days: 3 a day, 1 recipient each, 40% new, from 198.51.100.9
thief sends 900 messages: 500 a hour, 1 recipient each, 100% new, 30% refused, from 198.51.100.9

expect blocked
expect escaped in the median at most 20
expect escaped at most 50
