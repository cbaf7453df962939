"""A webhook handler as one writes it in an afternoon: the body goes onto a list, and the caller is told so."""

import os

import redis.asyncio
from fastapi import FastAPI, Request

app = FastAPI()
queue = redis.asyncio.from_url(os.environ["REDIS_URL"])


@app.post("/webhooks/{source}")
async def webhook(source: str, request: Request):
    await queue.rpush(f"events:{source}", await request.body())
    return {"source": source}
