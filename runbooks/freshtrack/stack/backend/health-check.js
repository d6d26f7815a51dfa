// Asks this container's own /health; what it prints is what `docker inspect` keeps.
const answer = await fetch(`http://127.0.0.1:${process.env.PORT ?? 3000}/health`, {
  signal: AbortSignal.timeout(8000),
}).catch((error) => ({ status: 0, text: async () => String(error.cause ?? error) }));
console.log(`${answer.status} ${await answer.text()}`);
process.exitCode = answer.status === 200 ? 0 : 1;
