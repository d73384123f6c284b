"""Trains models from recipes; what comes out is a checkpoint folder as any other."""
