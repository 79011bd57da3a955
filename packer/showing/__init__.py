"""What was found out → words, tables and pages for people, documents for programs."""
