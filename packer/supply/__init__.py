"""What an image is made of, who says so, and what is known to be wrong with it: SBOMs, provenance, signatures, scans."""
