"""The words of Letterpress: frozen values, closed vocabularies, ids and errors. Imports nothing of ours."""
