"""What verbs do that people type most, without click: as runtime/verbs, which runtime/plain.py calls too."""
