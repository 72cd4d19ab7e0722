"""What happens to messages after they were accepted, told as each provider tells it: signed, late, twice, in any order."""
