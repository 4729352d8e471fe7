/**
 * What a join token says about itself, for display only: the server alone decides what it is worth.
 *
 * @param {string} token a JWT
 * @returns {{hall: string, identity: string, name: string, role: string, invite: boolean,
 *   expiresAt: Date | null} | null} null where it is not a join token at all
 */
export function describeToken(token) {
  const parts = token.split(".");
  if (parts.length !== 3) return null;
  try {
    const base64 = parts[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return {
      hall: String(claims.hall ?? ""),
      identity: String(claims.sub ?? ""),
      name: String(claims.name ?? ""),
      role: String(claims.role ?? "participant"),
      invite: claims.invite === true,
      expiresAt: Number.isFinite(claims.exp) ? new Date(claims.exp * 1000) : null,
    };
  } catch {
    return null;
  }
}
