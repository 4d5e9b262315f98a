"""A program with a package that Tasker does not have."""

import cowsay

if __name__ == "__main__":
    assert "sold out" in cowsay.get_output_string("cow", "sold out")
