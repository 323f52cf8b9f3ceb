"""What the pages share, and all that touches Streamlit or HTTP."""
