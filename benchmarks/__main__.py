"""`python -m benchmarks`: every benchmark, one JSON object a line."""

from benchmarks import wire

if __name__ == "__main__":
    wire.main()
