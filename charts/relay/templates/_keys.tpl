{{/*
The checksum of API keys. Templates have no bit operations, so CRC-32 goes by half bytes: the
register is a list of eight numbers from 0 to 15, lowest first, and "exclusive or" is a table.
*/}}
{{- define "relay.crc32base62" -}}
{{- $xor := list
  (list 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
  (list 1 0 3 2 5 4 7 6 9 8 11 10 13 12 15 14)
  (list 2 3 0 1 6 7 4 5 10 11 8 9 14 15 12 13)
  (list 3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12)
  (list 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11)
  (list 5 4 7 6 1 0 3 2 13 12 15 14 9 8 11 10)
  (list 6 7 4 5 2 3 0 1 14 15 12 13 10 11 8 9)
  (list 7 6 5 4 3 2 1 0 15 14 13 12 11 10 9 8)
  (list 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7)
  (list 9 8 11 10 13 12 15 14 1 0 3 2 5 4 7 6)
  (list 10 11 8 9 14 15 12 13 2 3 0 1 6 7 4 5)
  (list 11 10 9 8 15 14 13 12 3 2 1 0 7 6 5 4)
  (list 12 13 14 15 8 9 10 11 4 5 6 7 0 1 2 3)
  (list 13 12 15 14 9 8 11 10 5 4 7 6 1 0 3 2)
  (list 14 15 12 13 10 11 8 9 6 7 4 5 2 3 0 1)
  (list 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0)
-}}
{{- $table := list
  (list 0 0 0 0 0 0 0 0)
  (list 4 6 0 1 7 11 13 1)
  (list 8 12 0 2 14 6 11 3)
  (list 12 10 0 3 9 13 6 2)
  (list 0 9 1 4 12 13 6 7)
  (list 4 15 1 5 11 6 11 6)
  (list 8 5 1 6 2 11 13 4)
  (list 12 3 1 7 5 0 0 5)
  (list 0 2 3 8 8 11 13 14)
  (list 4 4 3 9 15 0 0 15)
  (list 8 14 3 10 6 13 6 13)
  (list 12 8 3 11 1 6 11 12)
  (list 0 11 2 12 4 6 11 9)
  (list 4 13 2 13 3 13 6 8)
  (list 8 7 2 14 10 0 0 10)
  (list 12 1 2 15 13 11 13 11)
-}}
{{- $register := list 15 15 15 15 15 15 15 15 -}}
{{- range $position := until (len .) -}}
  {{- $byte := index $ $position | int -}}
  {{- range $half := list (mod $byte 16) (div $byte 16) -}}
    {{- $row := index $table (index $xor (index $register 0) $half) -}}
    {{- $shifted := append (rest $register) 0 -}}
    {{- $next := list -}}
    {{- range $digit := until 8 -}}
      {{- $next = append $next (index $xor (index $shifted $digit) (index $row $digit)) -}}
    {{- end -}}
    {{- $register = $next -}}
  {{- end -}}
{{- end -}}
{{- $number := 0 -}}
{{- range $digit := reverse $register -}}
  {{- $number = add (mul $number 16) (sub 15 $digit) -}}
{{- end -}}
{{- $alphabet := "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" -}}
{{- $text := "" -}}
{{- range until 6 -}}
  {{- $digit := mod $number 62 | int -}}
  {{- $text = printf "%s%s" (substr $digit (add1 $digit | int) $alphabet) $text -}}
  {{- $number = div $number 62 -}}
{{- end -}}
{{- $text -}}
{{- end }}

{{/*
The secrets, as a map under .Values.made: what the cluster holds already, else new ones. Kept there
because every template must see the same, and each call of a generator makes another.
*/}}
{{- define "relay.make" -}}
{{- if not (hasKey .Values "made") -}}
{{- include (ternary "relay.makeKeys" "relay.expectKeys" .Values.keys.create) . -}}
{{- end -}}
{{- end }}

{{- define "relay.makeKeys" -}}
{{- $made := dict "freshKey" "" -}}
{{- range $name := list "control-key" "gateway-key" -}}
  {{- $held := (lookup "v1" "Secret" $.Release.Namespace (printf "relay-%s" $name)).data | default dict -}}
  {{- if hasKey $held "tls.key" -}}
    {{- $_ := set $made $name (dict "key" (index $held "tls.key" | b64dec) "crt" (index $held "tls.crt" | b64dec)) -}}
  {{- else -}}
    {{- $pair := genSelfSignedCertWithKey (printf "relay-%s" $name) nil nil 3650 (genPrivateKey "ed25519") -}}
    {{- $_ := set $made $name (dict "key" $pair.Key "crt" $pair.Cert) -}}
  {{- end -}}
{{- end -}}
{{- $signing := dict -}}
{{- range $key, $value := (lookup "v1" "Secret" .Release.Namespace "relay-signing").data | default dict -}}
  {{- $_ := set $signing $key ($value | b64dec) -}}
{{- end -}}
{{- if not (hasKey $signing "current") -}}
  {{- $_ := set $signing "current" (randAlphaNum 64) -}}
{{- end -}}
{{- $_ := set $made "signing" $signing -}}
{{- $turn := (lookup "v1" "Secret" .Release.Namespace "relay-turn").data | default dict -}}
{{- $_ := set $made "turn" (get $turn "secret" | b64dec | default (randAlphaNum 48)) -}}
{{- $keys := dict -}}
{{- range $id, $entry := (lookup "v1" "Secret" .Release.Namespace "relay-api-keys").data | default dict -}}
  {{- $_ := set $keys $id ($entry | b64dec) -}}
{{- end -}}
{{- $given := .Values.bootstrap.apiKey -}}
{{- if or $given (not $keys) -}}
  {{- $key := $given -}}
  {{- if $given -}}
    {{- if not (regexMatch "^relay_live_[0-9A-Za-z]{36}$" $given) -}}
      {{- fail "bootstrap.apiKey is not an API key: relay_live_ and 36 letters and digits. Copy the whole key again, or leave it empty and one is made" -}}
    {{- end -}}
    {{- $body := substr 0 41 $given -}}
    {{- if ne $given (printf "%s%s" $body (include "relay.crc32base62" $body)) -}}
      {{- fail "bootstrap.apiKey has a typing error: its last six characters do not fit the rest. Copy the whole key again, or leave it empty and one is made" -}}
    {{- end -}}
  {{- else -}}
    {{- $body := printf "relay_live_%s" (randAlphaNum 30) -}}
    {{- $key = printf "%s%s" $body (include "relay.crc32base62" $body) -}}
    {{- $_ := set $made "freshKey" $key -}}
  {{- end -}}
  {{- $entry := dict "sha256" (sha256sum $key) "namespace" .Values.tenant.namespace "name" "bootstrap" -}}
  {{- $_ := set $keys (substr 11 19 $key) (toJson $entry) -}}
{{- end -}}
{{- $_ := set $made "keys" $keys -}}
{{- $_ := set .Values "made" $made -}}
{{- end }}
