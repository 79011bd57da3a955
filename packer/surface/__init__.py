"""What somebody who has taken over a program could reach from inside its container: counted, and one figure of it. Pure."""
