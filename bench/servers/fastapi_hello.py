"""The FastAPI application that `use` and uvicorn are measured with."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/hello")
async def hello() -> str:
    return "hello"
