"""One page about an executable or an image, for people who would rather look than read (docs/report.md)."""
