import { Client, UnauthenticatedError, UnreachableError } from "@rfe/client";
import { refusal, thrown } from "./rows.js";

/** Step 9: a wrong token opens nothing. */
export async function authorization() {
  if (!process.env["RFE_TOKEN"]) {
    return {};
  }
  await using stranger = new Client({ token: "rfe_wrong" });
  const { code } = await thrown(stranger.query("SELECT 1"), UnauthenticatedError);
  return {
    unauthenticated: await refusal(stranger.sources().all(), UnauthenticatedError),
    sql_unauthenticated: code,
  };
}

/** Step 9: nobody listens there. */
export async function unreachable() {
  const url = "http://127.0.0.1:1";
  await using nobody = new Client({ url, metadataUrl: url });
  const { code } = await thrown(nobody.source("x"), UnreachableError);
  return { unreachable: code };
}
