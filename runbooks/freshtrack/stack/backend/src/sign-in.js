// Logins are Stack Auth's: a token of its own is shown to it, and the user's id comes back.
export function signIn({ url, project, secret }) {
  return async (token) => {
    if (!url) return { outcome: "unavailable" };
    const headers = {
      "x-stack-access-type": "server",
      "x-stack-project-id": project,
      "x-stack-secret-server-key": secret,
      "x-stack-access-token": token,
    };
    try {
      const signal = AbortSignal.timeout(5000);
      const answer = await fetch(new URL("/api/v1/users/me", url), { headers, signal });
      if (answer.ok) return { outcome: "accepted", user: (await answer.json()).id };
      return { outcome: answer.status < 500 ? "refused" : "unavailable" };
    } catch {
      return { outcome: "unavailable" };
    }
  };
}
