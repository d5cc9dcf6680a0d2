"""What is done about an incident: the containment workflow and its providers."""
