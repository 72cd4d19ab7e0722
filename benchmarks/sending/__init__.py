"""The parts of the benchmark `send`: homes to send from, a whole send, its letters alone, and a relay to hand them to."""
