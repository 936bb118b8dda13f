#!/usr/bin/env bash
# embed_test.sh SOURCE_ROOT EMBED COUNT ORDERS_SO: what the programs that embed Reel print.
set -u -o pipefail
root=$1 embed=$2 count=$3 orders_so=$4
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

id=0f0e0d0c-0b0a-4908-8706-050403020100
shop=com.example.shop
cat >"$scratch/events" <<END
{"type":"$shop.product.offered","subject":"mug","data":{"name":"A mug","price_cents":1200}}
{"type":"$shop.order.placed","subject":"$id","time":"now","data":{"product":"mug","quantity":2}}
{"type":"$shop.order.paid","subject":"$id"}
{"type":"$shop.order.paid","subject":"unknown"}
END

"$embed" "$orders_so" <"$scratch/events" >"$scratch/out" 2>"$scratch/errors" || exit 1
diff - "$scratch/out" <<END || exit 1
1 $shop.product.offered
2 $shop.order.placed
3 $shop.order.paid
4 $shop.order.paid
orders {"id":"$id","product":"mug","quantity":2,"customer":null,"total_cents":null,"currency":null,"state":"paid","placed_at":"now","tracking":null,"shipped_by":null,"hours_to_ship":null,"history":[{"state":"placed","at":"now"},{"state":"paid","at":null}]}
products {"id":"mug","name":"A mug","price_cents":1200}
END
diff - "$scratch/errors" <<<"event 4 was rejected" || exit 1

"$embed" "$root/README.md" </dev/null 2>"$scratch/errors" && exit 1
grep -q '^embed: .*README.md' "$scratch/errors" || { cat "$scratch/errors" >&2; exit 1; }

"$count" <"$scratch/events" >"$scratch/out" || exit 1
diff - "$scratch/out" <<END
{"type":"$shop.order.paid","count":2}
{"type":"$shop.order.placed","count":1}
{"type":"$shop.product.offered","count":1}
END
