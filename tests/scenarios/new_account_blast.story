An account that was opened for spam, or a web form that is abused, from the first message on (A12).

thief sends 900 messages: 500 a hour, 1 recipient each, 100% new, 30% refused, from 198.51.100.9

expect blocked
expect escaped at most 40
