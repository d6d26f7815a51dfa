// Prints a bearer token for a caller that cannot log in: the cockpit's reads, a sensor network.
import jwt from "@fastify/jwt";
import Fastify from "fastify";
import { secret } from "./src/settings.js";

const app = Fastify();
await app.register(jwt, { secret: secret("JWT_SECRET") });
await app.ready();
console.log(app.jwt.sign({ sub: process.argv[2] ?? "cockpit" }, { expiresIn: "30d" }));
