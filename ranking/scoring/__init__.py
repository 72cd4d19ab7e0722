"""Every recipient against every variant: the forest as bit vectors, and what each feature contributes."""
