"""System call filters: the default one, those of OCI documents, and their compilation to BPF."""
