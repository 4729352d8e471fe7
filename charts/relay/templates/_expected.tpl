{{/*
Keys that somebody else makes (keys.create: false): read for the checksums that restart who reads
them once, and complained of where something is missing. Where Helm cannot ask a cluster, as in
helm template, nothing is known of them: checksums stay the same then, and nothing is missed.
*/}}
{{- define "relay.expectKeys" -}}
{{- if .Values.bootstrap.apiKey -}}
  {{- fail "bootstrap.apiKey goes with keys.create: true. With false, put the key's SHA-256 into Secret relay-api-keys, as docs/operations.md tells under \"Keys of your own\"" -}}
{{- end -}}
{{- $wanted := dict
  "relay-control-key" (list "tls.key")
  "relay-gateway-key" (list "tls.key")
  "relay-gateway-public" (list "tls.crt")
  "relay-signing" (list "current")
  "relay-api-keys" list
-}}
{{- if .Values.turn.enabled -}}
  {{- $_ := set $wanted "relay-turn" (list "secret" "turnserver.conf") -}}
{{- end -}}
{{- $held := dict -}}
{{- $wrong := list -}}
{{- /* A list has items, be they none: that tells a cluster without Secrets from no cluster. */ -}}
{{- $asked := hasKey (lookup "v1" "Secret" .Release.Namespace "") "items" -}}
{{- range $name, $fields := $wanted -}}
  {{- $secret := lookup "v1" "Secret" $.Release.Namespace $name -}}
  {{- $data := $secret.data | default dict -}}
  {{- $_ := set $held $name $data -}}
  {{- if and $asked (not $secret) -}}
    {{- $wrong = append $wrong (printf "Secret %s is missing" $name) -}}
  {{- else if $asked -}}
    {{- range $fields -}}
      {{- if not (get $data .) -}}
        {{- $wrong = append $wrong (printf "Secret %s lacks the data key %s" $name .) -}}
      {{- end -}}
    {{- end -}}
    {{- $about := $secret.metadata.annotations | default dict -}}
    {{- if and (eq (get $about "meta.helm.sh/release-name") $.Release.Name) (ne (get $about "helm.sh/resource-policy") "keep") -}}
      {{- $wrong = append $wrong (printf "Secret %s is of this release, so Helm would delete it now; first: kubectl annotate secret %s -n %s helm.sh/resource-policy=keep" $name $name $.Release.Namespace) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $turn := index $held "relay-turn" | default dict -}}
{{- $secret := get $turn "secret" | b64dec -}}
{{- $lines := get $turn "turnserver.conf" | b64dec | splitList "\n" -}}
{{- if and $secret (not (has (printf "static-auth-secret=%s" (trim $secret)) $lines)) -}}
  {{- $wrong = append $wrong "Secret relay-turn holds another secret in turnserver.conf than in secret, so coturn would let nobody in: its line must be static-auth-secret= and the secret" -}}
{{- end -}}
{{- if $wrong -}}
  {{- fail (printf "keys.create is false, so namespace %s must hold the keys. %s. docs/operations.md tells under \"Keys of your own\" how to make them; with keys.create: true the chart does" .Release.Namespace (join ". " $wrong)) -}}
{{- end -}}
{{- $control := index $held "relay-control-key" -}}
{{- $public := index $held "relay-gateway-public" -}}
{{- $_ := set .Values "made" (dict
  "freshKey" ""
  "control-key" (dict "key" (get $control "tls.key" | b64dec))
  "gateway-key" (dict "crt" (get $public "tls.crt" | b64dec))
  "turn" $secret
) -}}
{{- end }}
