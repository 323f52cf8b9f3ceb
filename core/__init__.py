"""The library behind every page: pure Python that imports neither Streamlit nor the pages."""
