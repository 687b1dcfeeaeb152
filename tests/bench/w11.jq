# The ten transformations of w11.yaml, written to be fast in jq: no regular expression where a
# cheaper builtin does, paths instead of walks.
def flat($prefix):
  to_entries[]
  | if (.value | type) == "object" then .key as $key | .value | flat($prefix + $key + "_")
    else {key: ($prefix + .key), value} end;
def snake:
  if . == ascii_downcase then .
  else gsub("(?<a>[a-z0-9])(?<b>[A-Z])"; "\(.a)_\(.b)") | ascii_downcase end;
select(.type != "WatchEvent")
| del(.actor.gravatar_id, .payload.issue.milestone)
| .payload.commits[].author.email = "***"
| .payload.issue.user.login = "***"
| .id |= tonumber
| .repo.id |= tostring
| .actor.site_admin |= tostring
| del(.payload.head, .payload.before)
| .issueNumber = .payload.issue.number
| del(.payload.issue.number)
| .branch = .payload.ref
| del(.payload.ref)
| .created_at |= (fromdate + 10800 | todate | .[:-1] + "+03:00")
| .siteName = "riga"
| .origin.kind = "forge"
| .schemaVersion = 3
| .processedAt = (now | todate)
| [flat("")]
| from_entries
| with_entries(.key |= snake)
