"""`python -m letterpress` is `letterpress`."""

from letterpress.main import main

main()
