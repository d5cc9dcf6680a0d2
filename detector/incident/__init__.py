"""What an incident is: its states, strikes, and the words for the customer. Pure."""
